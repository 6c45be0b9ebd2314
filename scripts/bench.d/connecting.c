/*
 * connecting USER CAPTURED|DIRECT ADDRESS PORT LISTENER COUNT
 * connecting USER ARRIVING        ADDRESS PORT LISTENER COUNT NAMESPACE
 *
 * Opens COUNT connections to ADDRESS:PORT as the user, one after the other, accepts each at the listener, that is
 * 127.0.0.1:LISTENER or, for DIRECT, the destination itself, and resets both ends, which leaves no TIME_WAIT behind.
 * ARRIVING: the clients are of another network namespace, given as a file, and the listener takes every address.
 * Prints two medians in ns: connect(2) alone, and the whole from socket(2), which ARRIVING clients have behind them, to the
 * second close(2). Ends with 1 when a connection did not arrive as it should: captured, with the destination that the
 * client had asked for.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netfilter_ipv4.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef struct sockaddr_in address;

static void stop(const char *what) {
    perror(what);
    exit(1);
}

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int by_size(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static int64_t median(int64_t *values, int count) {
    qsort(values, count, sizeof *values, by_size);
    return values[count / 2];
}

static address at(const char *ip, const char *port) {
    address a = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
    if (inet_pton(AF_INET, ip, &a.sin_addr) != 1) stop(ip);
    return a;
}

static int same(const address *a, const address *b) {
    return a->sin_addr.s_addr == b->sin_addr.s_addr && a->sin_port == b->sin_port;
}

static int client_socket(void) {
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client < 0) stop("socket");
    return client;
}

/* sockets stay in the namespace that they were made in */
static int *clients_of(const char *namespace, int count) {
    int *clients = calloc(count, sizeof *clients);
    int here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), there = open(namespace, O_RDONLY | O_CLOEXEC);
    struct rlimit files = {.rlim_cur = count + 64, .rlim_max = count + 64};
    if (setrlimit(RLIMIT_NOFILE, &files)) stop("setrlimit");
    if (here < 0 || there < 0 || setns(there, CLONE_NEWNET)) stop(namespace);
    for (int i = 0; i < count; i++) clients[i] = client_socket();
    if (setns(here, CLONE_NEWNET)) stop("coming back");
    return clients;
}

int main(int argc, char **argv) {
    int arriving = argc == 8 && !strcmp(argv[2], "ARRIVING");
    if (argc != 7 && !arriving) return 2;
    int captured = arriving || !strcmp(argv[2], "CAPTURED"), count = atoi(argv[6]), warm = count / 10;
    address destination = at(argv[3], argv[4]);
    address listener = captured ? at(arriving ? "0.0.0.0" : "127.0.0.1", argv[5]) : destination;
    int *clients = arriving ? clients_of(argv[7], warm + count) : NULL;
    int64_t *connects = calloc(count, sizeof *connects), *wholes = calloc(count, sizeof *wholes);
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(server, (struct sockaddr *)&listener, sizeof listener) || listen(server, 16)) stop("listening");

    /* one processor: the handshake runs where connect(2) does, and moving about would be measured too */
    cpu_set_t here;
    CPU_ZERO(&here);
    CPU_SET(sched_getcpu(), &here);
    sched_setaffinity(0, sizeof here, &here);
    if (setresuid(atoi(argv[1]), atoi(argv[1]), atoi(argv[1]))) stop("setresuid");

    for (int i = -warm; i < count; i++) { /* the first tenth does not count */
        address arrived;
        socklen_t length = sizeof arrived;
        int64_t start = now();
        int client = clients ? clients[warm + i] : client_socket();
        setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        int64_t before = now();
        if (connect(client, (struct sockaddr *)&destination, sizeof destination)) stop("connect");
        int64_t after = now();
        int accepted = accept(server, NULL, NULL);
        int64_t half = now();
        if (accepted < 0) stop("accept");
        if (captured ? getsockopt(accepted, SOL_IP, SO_ORIGINAL_DST, &arrived, &length)
                     : getsockname(accepted, (struct sockaddr *)&arrived, &length))
            stop("asking for the original destination");
        if (!same(&arrived, &destination)) {
            fprintf(stderr, "a connection arrived with another destination\n");
            return 1;
        }
        int64_t again = now();
        setsockopt(accepted, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(client);
        close(accepted);
        if (i >= 0) {
            connects[i] = after - before;
            wholes[i] = half - start + (now() - again);
        }
    }
    printf("%lld %lld\n", (long long)median(connects, count), (long long)median(wholes, count));
    return 0;
}
