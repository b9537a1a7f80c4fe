/* What the machine can do: posix_spawn of a shell with two log files, N at a time, and nothing else.
 *
 * usage: limit N SHELL LOGDIR < lines        each line: LEVEL ID COMMAND
 *
 * A level starts when the one before it has ended. No event log, no retries, no kill, no accounting
 * beyond what wait4 gives: whoever does those things as well can only come near to it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

extern char **environ;

static int running, failed;

static void reap(void)
{
    int status;
    struct rusage usage;
    if (wait4(-1, &status, 0, &usage) < 0) {
        perror("limit: wait4");
        exit(2);
    }
    running--;
    failed |= status != 0;
}

static void start(const char *shell, const char *logs, const char *id, char *command)
{
    char out[4096], err[4096];
    char *argv[] = {(char *)shell, "-c", command, NULL};
    posix_spawn_file_actions_t files;
    pid_t pid;

    snprintf(out, sizeof out, "%s/%s.out", logs, id);
    snprintf(err, sizeof err, "%s/%s.err", logs, id);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, out, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    posix_spawn_file_actions_addopen(&files, 2, err, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (posix_spawn(&pid, shell, &files, NULL, argv, environ) != 0) {
        fprintf(stderr, "limit: cannot start %s\n", shell);
        exit(2);
    }
    posix_spawn_file_actions_destroy(&files);
    running++;
}

int main(int argc, char **argv)
{
    char *line = NULL;
    size_t room = 0;
    long level = 0;

    if (argc != 4) {
        fprintf(stderr, "usage: limit N SHELL LOGDIR < lines\n");
        return 2;
    }
    /* Standard input is read ahead: the jobs have /dev/null, so sharing the descriptor is harmless. */
    while (getline(&line, &room, stdin) > 0) {
        char *rest = line, *id;
        long next = strtol(strsep(&rest, " "), NULL, 10);
        id = strsep(&rest, " ");
        if (rest == NULL)
            continue;
        rest[strcspn(rest, "\n")] = '\0';
        while (running >= atoi(argv[1]) || (next != level && running > 0))
            reap();
        level = next;
        start(argv[2], argv[3], id, rest);
    }
    while (running > 0)
        reap();
    free(line);
    return failed;
}
