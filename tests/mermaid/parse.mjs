// Parses each Mermaid chart of a JSON list on standard input, as GitHub does before it draws one.
// Answers with a JSON list: the chart's type and what the parser understood, or its error.
import { readFileSync } from "node:fs";
import { JSDOM } from "jsdom";

const { window } = new JSDOM("<!doctype html><body></body>");
globalThis.window = window;
globalThis.document = window.document;
const { default: mermaid } = await import("mermaid");

async function parsed(chart) {
  try {
    const { diagramType } = await mermaid.parse(chart);
    const { db } = await mermaid.mermaidAPI.getDiagramFromText(chart);
    return { type: diagramType, ...(diagramType === "gantt" ? tasks(db) : nodes(db)) };
  } catch (error) {
    return { error: String(error?.message ?? error) };
  }
}

function tasks(db) {
  const shown = db.getTasks().map((t) => ({ name: t.task.trim(), from: +t.startTime, to: +t.endTime, bad: !!t.crit }));
  return { tasks: shown };
}

function nodes(db) {
  const labels = [...db.getVertices().values()].map((vertex) => vertex.text);
  return { labels, edges: db.getEdges().length, styles: [...db.getClasses().keys()] };
}

const charts = JSON.parse(readFileSync(0, "utf8"));
const answers = [];
for (const chart of charts) answers.push(await parsed(chart));
process.stdout.write(JSON.stringify(answers));
