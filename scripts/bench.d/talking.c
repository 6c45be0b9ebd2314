/*
 * talking serve USER PROXY|SERVER PORT…
 * talking load USER ADDRESS PORT
 *
 * serve plays Envoy, on 127.0.0.1 and [::1], or a server, on all addresses: to each connection it says one line, "PROXY
 * LISTENER ADDRESS PORT" with the original destination or "SERVER PORT ADDRESS PORT" with its own end, and then whatever it
 * hears. It says "ready" when it listens, and ends with its standard input.
 *
 * load connects as the user, again and again, one connection after the other, reads that line, and resets the connection,
 * which leaves no TIME_WAIT behind. It begins at once and says so by "ready"; to each line that it hears it says what it has
 * counted so far, "captured N bypassed N refused N reset N astray N silent N", and it ends with its standard input. Astray
 * is what Envoy took for another destination; silent is what had no answer for a second.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter_ipv4.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define IPV6_ORIGINAL_DST 80 /* <linux/netfilter_ipv6/ip6_tables.h>: IP6T_SO_ORIGINAL_DST */

typedef union {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
} address;

static void stop(const char *what) {
    perror(what);
    exit(1);
}

static address at(const char *ip, int port, socklen_t *length) {
    address a = {0};
    if (inet_pton(AF_INET, ip, &a.four.sin_addr) == 1) {
        a.four.sin_family = AF_INET;
        a.four.sin_port = htons(port);
        *length = sizeof a.four;
    } else if (inet_pton(AF_INET6, ip, &a.six.sin6_addr) == 1) {
        a.six.sin6_family = AF_INET6;
        a.six.sin6_port = htons(port);
        *length = sizeof a.six;
    } else {
        errno = EINVAL;
        stop(ip);
    }
    return a;
}

/* "ADDRESS PORT", an IPv4 address as such even in an IPv6 socket */
static void words(const address *a, char *to, size_t size) {
    char ip[INET6_ADDRSTRLEN];
    if (a->any.sa_family == AF_INET) inet_ntop(AF_INET, &a->four.sin_addr, ip, sizeof ip);
    else if (IN6_IS_ADDR_V4MAPPED(&a->six.sin6_addr)) inet_ntop(AF_INET, a->six.sin6_addr.s6_addr + 12, ip, sizeof ip);
    else inet_ntop(AF_INET6, &a->six.sin6_addr, ip, sizeof ip);
    snprintf(to, size, "%s %d", ip, ntohs(a->four.sin_port)); /* both families have it at the same place */
}

static void ready(void) {
    puts("ready");
    fflush(stdout);
}

static void greet(int connection, int proxy, int port) {
    address a = {0};
    socklen_t length = sizeof a;
    char to[80] = "unknown 0", line[120];
    int failed;
    if (!proxy) {
        failed = getsockname(connection, &a.any, &length);
    } else {
        failed = getsockopt(connection, SOL_IP, SO_ORIGINAL_DST, &a, &length);
        if (failed) {
            length = sizeof a;
            failed = getsockopt(connection, SOL_IPV6, IPV6_ORIGINAL_DST, &a, &length);
        }
    }
    if (!failed) words(&a, to, sizeof to);
    int n = snprintf(line, sizeof line, "%s %d %s\n", proxy ? "PROXY" : "SERVER", port, to);
    /* whoever has gone meanwhile does not hear it */
    (void)!send(connection, line, n, MSG_NOSIGNAL);
}

static int listening(const char *ip, int port) {
    socklen_t length;
    address a = at(ip, port, &length);
    int on = 1, listener = socket(a.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0) stop("socket");
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (a.any.sa_family == AF_INET6) setsockopt(listener, SOL_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(listener, &a.any, length) || listen(listener, 1024)) stop("listening");
    return listener;
}

static int serve(int proxy, char **ports) {
    enum { LISTENER = 1, CONNECTION = 2, END = 3 };
    int queue = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event end = {.events = EPOLLIN, .data.u64 = (uint64_t)END << 48};
    if (epoll_ctl(queue, EPOLL_CTL_ADD, 0, &end)) stop("watching standard input");
    for (; *ports; ports++) {
        int port = atoi(*ports);
        const char *addresses[] = {proxy ? "127.0.0.1" : "0.0.0.0", proxy ? "::1" : "::"};
        for (int i = 0; i < 2; i++) {
            int listener = listening(addresses[i], port);
            struct epoll_event event = {
                .events = EPOLLIN, .data.u64 = (uint64_t)LISTENER << 48 | (uint64_t)port << 32 | (unsigned)listener};
            if (epoll_ctl(queue, EPOLL_CTL_ADD, listener, &event)) stop("epoll");
        }
    }
    ready();
    for (;;) {
        struct epoll_event events[64];
        int n = epoll_wait(queue, events, 64, -1);
        for (int i = 0; i < n; i++) {
            int kind = events[i].data.u64 >> 48, port = events[i].data.u64 >> 32 & 0xffff;
            int descriptor = (int)(events[i].data.u64 & 0xffffffff);
            if (kind == END) return 0;
            if (kind == LISTENER) {
                int connection = accept4(descriptor, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
                if (connection < 0) continue;
                greet(connection, proxy, port);
                struct epoll_event event = {
                    .events = EPOLLIN, .data.u64 = (uint64_t)CONNECTION << 48 | (unsigned)connection};
                if (epoll_ctl(queue, EPOLL_CTL_ADD, connection, &event)) stop("epoll");
            } else {
                char heard[4096];
                ssize_t length = recv(descriptor, heard, sizeof heard, 0);
                if (length <= 0 && !(length < 0 && errno == EAGAIN)) close(descriptor);
                else if (length > 0 && send(descriptor, heard, length, MSG_NOSIGNAL) != length) close(descriptor);
            }
        }
    }
}

static int load(const char *ip, int port) {
    static struct { const char *name; long count; } counts[] = {
        {"captured", 0}, {"bypassed", 0}, {"refused", 0}, {"reset", 0}, {"astray", 0}, {"silent", 0}};
    enum { CAPTURED, BYPASSED, REFUSED, RESET, ASTRAY, SILENT };
    socklen_t length;
    address destination = at(ip, port, &length);
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    struct timeval patience = {.tv_sec = 1};
    char asked[80];
    words(&destination, asked, sizeof asked);
    ready();
    for (;;) {
        struct pollfd end = {.fd = 0, .events = POLLIN};
        if (poll(&end, 1, 0) > 0) {
            char asks[64];
            if (read(0, asks, sizeof asks) <= 0) return 0;
            for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) printf("%s %ld ", counts[i].name, counts[i].count);
            putchar('\n');
            fflush(stdout);
        }
        int connection = socket(destination.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connection < 0) stop("socket");
        setsockopt(connection, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        char line[160], *there = NULL;
        size_t have = 0;
        int failed = connect(connection, &destination.any, length) ? errno : 0;
        while (!failed && !there && have < sizeof line - 1) {
            ssize_t got = recv(connection, line + have, sizeof line - 1 - have, 0);
            if (got <= 0) failed = got ? errno : ECONNRESET; /* nobody here closes before the client does */
            else have += got, line[have] = 0, there = strchr(line, '\n');
        }
        close(connection);
        int is;
        char who[16], where[80];
        int listener;
        if (failed == ECONNREFUSED) is = REFUSED;
        else if (failed == ECONNRESET || failed == EPIPE) is = RESET;
        else if (failed == EAGAIN || failed == EINPROGRESS || failed == ETIMEDOUT) is = SILENT;
        else if (failed) errno = failed, stop("connecting");
        else if (sscanf(line, "%15s %d %79[^\n]", who, &listener, where) != 3) is = ASTRAY;
        else if (strcmp(where, asked)) is = ASTRAY;
        else is = strcmp(who, "PROXY") ? BYPASSED : CAPTURED;
        counts[is].count++;
    }
}

int main(int argc, char **argv) {
    int serves = argc > 4 && !strcmp(argv[1], "serve"), loads = argc == 5 && !strcmp(argv[1], "load");
    if (!serves && !loads) return 2;
    int user = atoi(argv[2]);
    if (nice(19) < 0) stop("nice"); /* so that what is measured is not waiting for a processor */
    if (setresgid(user, user, user) || setresuid(user, user, user)) stop("taking another user");
    return serves ? serve(!strcmp(argv[3], "PROXY"), argv + 4) : load(argv[3], atoi(argv[4]));
}
