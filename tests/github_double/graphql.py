"""What only GraphQL can do: who am I, and minimize a comment. The schema is GitHub's, cut down.

Names, types and nullability are those of `schema.graphql` in npm @octokit/graphql-schema 15.26.1 (MIT).
"""

from __future__ import annotations

from typing import Any

from graphql import GraphQLError, build_schema, graphql_sync, parse, validate
from graphql.language import OperationDefinitionNode, OperationType

from tests.github_double import shapes
from tests.github_double.asking import permitted
from tests.github_double.talking import TALK
from tests.github_double.world import Token, World

SCHEMA = build_schema("""
type Query { viewer: User! }
type User { login: String! }
type Mutation { minimizeComment(input: MinimizeCommentInput!): MinimizeCommentPayload }
input MinimizeCommentInput {
  classifier: ReportedContentClassifiers!, clientMutationId: String, subjectId: ID!
}
enum ReportedContentClassifiers { ABUSE DUPLICATE OFF_TOPIC OUTDATED RESOLVED SPAM }
type MinimizeCommentPayload { clientMutationId: String, minimizedComment: Minimizable }
interface Minimizable { isMinimized: Boolean!, minimizedReason: String }
type IssueComment implements Minimizable { isMinimized: Boolean!, minimizedReason: String }
""")


def is_mutation(body: Any) -> bool:
    """Whether it makes content. A query that cannot be read does not."""
    try:
        document = parse(body["query"])
    except (GraphQLError, KeyError, TypeError):
        return False
    return any(
        isinstance(node, OperationDefinitionNode) and node.operation is OperationType.MUTATION
        for node in document.definitions
    )


def mistakes(body: Any) -> list[str]:
    """What the schema does not allow."""
    if (
        not isinstance(body, dict)
        or not isinstance(body.get("query"), str)
        or body.keys() - {"query", "variables"}
    ):
        return ["a GraphQL request is {query, variables}"]
    try:
        return [error.message for error in validate(SCHEMA, parse(body["query"]))]
    except GraphQLError as error:
        return [error.message]


def answer(world: World, token: Token, body: Any) -> Any:
    """The reply's body; its status is 200 whatever is in it."""
    result = graphql_sync(
        SCHEMA,
        body["query"],
        root_value={
            "viewer": {"login": token.account.login},
            "minimizeComment": lambda _info, **given: _minimize(world, token, given["input"]),
        },
        variable_values=body.get("variables"),
        type_resolver=lambda *_: "IssueComment",
    )
    made: dict[str, Any] = {"data": result.data}
    if result.errors:
        made["errors"] = [
            {"message": e.message, "path": e.path, "type": (e.extensions or {}).get("type")}
            for e in result.errors
        ]
    return made


def _minimize(world: World, token: Token, given: dict[str, Any]) -> Any:
    if not permitted(token, TALK):
        raise GraphQLError("Resource not accessible by integration", extensions={"type": "FORBIDDEN"})
    for comment in world.comments.values():
        if shapes.node(comment) == given["subjectId"]:
            comment.minimized = given["classifier"]
            return {"minimizedComment": {"isMinimized": True, "minimizedReason": comment.minimized.lower()}}
    raise GraphQLError(
        f"Could not resolve to a node with the global id of '{given['subjectId']}'",
        extensions={"type": "NOT_FOUND"},
    )
