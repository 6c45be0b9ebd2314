/*
 * lib/trial-guard NAME MILLISECONDS PROGRAM [ARGUMENT…]: waits, and then becomes the program. It stands by for a trial that the
 * kernel does not end by itself, for as long as the trial lasts, so it is small and needs no library of the machine.
 *
 * Whoever ends the trial earlier dismisses it by connecting to its socket NAME: an abstract one, which every network
 * namespace has of its own, as it has of the rules that are tried. Nobody but root and its own user can. Where the name is taken, it
 * waits all the same; the program finds out by itself that there is nothing left to end.
 */
#define _GNU_SOURCE /* struct ucred */
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define ATTEMPTS 200 /* a guard that was dismissed for this one takes a moment to go */

static int listener(const char *text) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    size_t size = strnlen(text, sizeof name.sun_path - 1);
    socklen_t length = offsetof(struct sockaddr_un, sun_path) + 1 + size;
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    memcpy(name.sun_path + 1, text, size);
    for (int i = 0; fd >= 0 && i < ATTEMPTS; i++) {
        if (!bind(fd, (struct sockaddr *)&name, length)) return listen(fd, 4) ? -1 : fd;
        if (errno != EADDRINUSE) break;
        nanosleep(&pause, NULL);
    }
    return -1;
}

static int dismissed(int fd) {
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t length = sizeof peer;
    int other = accept(fd, NULL, NULL);
    int may = other >= 0 && !getsockopt(other, SOL_SOCKET, SO_PEERCRED, &peer, &length) &&
              (peer.uid == 0 || peer.uid == geteuid());
    if (other >= 0) close(other);
    return may;
}

int main(int argc, char **argv) {
    char *end = NULL;
    long long millis = argc < 4 ? -1 : strtoll(argv[2], &end, 10);
    if (millis <= 0 || *end) {
        fprintf(stderr, "usage: trial-guard NAME MILLISECONDS PROGRAM [ARGUMENT...]\n");
        return 2;
    }
    /* the clock of the trial's own time, which goes on while the machine sleeps */
    struct itimerspec when = {.it_value = {.tv_sec = millis / 1000, .tv_nsec = millis % 1000 * 1000 * 1000}};
    int timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC);
    if (timer < 0 || timerfd_settime(timer, 0, &when, NULL)) return 1;
    struct pollfd both[] = {{.fd = timer, .events = POLLIN}, {.fd = listener(argv[1]), .events = POLLIN}};
    while (!(both[0].revents & POLLIN)) {
        if (poll(both, 2, -1) < 0 && errno != EINTR) return 1;
        if (both[1].revents && dismissed(both[1].fd)) return 0;
    }
    execv(argv[3], argv + 3);
    return 1;
}
