/*
 * bin/meshcapture: starts the Java program in the runtime beside it. A program and not a script, because the container
 * image has no shell; linked statically, so that it needs no library of the machine either.
 *
 * It execs lib/runtime/bin/java with the options in lib/options (one a line, %H is the distribution's directory) and
 * hands every argument on as it came. Standard streams, signals and the exit code are the program's own.
 *
 * Before it uses lib/start.aot it compares the jars with lib/start.seal. Such a cache holds the classes ready to run,
 * and a JVM older than 25.0.4 (JDK-8377932) runs them without looking whether their jar is still the same one; newer
 * ones compare size and time, which reproducible builds share. The seal is the last TAIL bytes of each jar, and the end
 * of a jar is the list of its entries with a checksum of each: other classes, other end.
 */
#define _GNU_SOURCE /* environ */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TAIL (128 * 1024) /* scripts/build writes the same, and a test sees that every list of entries fits */
#define OPTIONS 64

static void stop(const char *what, const char *name, const char *then) {
    fprintf(stderr, "meshcapture: %s %s: %s; %s\n", what, name, strerror(errno), then);
    exit(1);
}

static char *joined(const char *a, const char *b, const char *c) {
    char *s = malloc(strlen(a) + strlen(b) + strlen(c) + 1);
    if (!s) stop("no memory for", b, "free some");
    return strcat(strcat(strcpy(s, a), b), c);
}

/* The directory above the one that holds this program, also when it was started through a link. */
static char *home(void) {
    static char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length < 0) stop("cannot read", "/proc/self/exe", "mount /proc; the Java runtime needs it too");
    self[length] = 0;
    for (int i = 0; i < 2; i++) {
        char *slash = strrchr(self, '/');
        if (slash) *slash = 0;
    }
    return self;
}

static char *text_of(const char *path) {
    struct stat s;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &s) < 0) stop("cannot read", path, "install meshcapture again");
    char *text = malloc(s.st_size + 1);
    ssize_t n = text ? read(fd, text, s.st_size) : -1;
    if (n < 0) stop("cannot read", path, "install meshcapture again");
    text[n] = 0;
    close(fd);
    return text;
}

static char *expanded(const char *line, const char *home) {
    char *s = joined("", line, "");
    for (char *at; (at = strstr(s, "%H"));) {
        *at = 0;
        char *longer = joined(s, home, at + 2);
        free(s);
        s = longer;
    }
    return s;
}

static int same_end(int seal, const char *jar) {
    static char want[TAIL], have[TAIL];
    int fd = open(jar, O_RDONLY | O_CLOEXEC);
    off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    int same = 0;
    if (size >= 0) {
        ssize_t tail = size < TAIL ? size : TAIL;
        same = pread(fd, have, tail, size - tail) == tail && read(seal, want, tail) == tail && !memcmp(have, want, tail);
    }
    if (fd >= 0) close(fd);
    return same;
}

/* Are these the jars that the cache was made from? Says which one is not. */
static int sealed(const char *class_path, const char *seal_path) {
    int seal = open(seal_path, O_RDONLY | O_CLOEXEC);
    char *jars = joined("", class_path, "");
    char *jar = strtok(jars, ":");
    while (jar && seal >= 0 && same_end(seal, jar)) jar = strtok(NULL, ":");
    char more;
    int same = seal >= 0 && !jar && read(seal, &more, 1) == 0;
    if (!same)
        fprintf(stderr, "meshcapture: starting slowly, because %s is not the one that the start-up cache was made from; "
                "install meshcapture again, as a whole\n", jar && seal >= 0 ? jar : seal_path);
    if (seal >= 0) close(seal);
    free(jars);
    return same;
}

/*
 * A closed standard stream would hand its number to the next file that is opened, and a message would be written into
 * it, the hosts file for one. As coreutils does: /dev/null, opened so that using it still fails.
 */
static void occupy_standard_streams(void) {
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
            stop("cannot open", "/dev/null", "start it with standard streams");
}

/*
 * In the init image this file has capabilities, so that the container may run as another user than root. An exec of a file
 * that has none, the Java runtime, takes them away unless they are ambient (capabilities(7)). And the environment is the
 * caller's, who has less than we: programs that we start would load what LD_PRELOAD or XTABLES_LIBDIR names.
 */
static void keep_capabilities(void) {
    static const int wanted[] = {CAP_NET_ADMIN, CAP_NET_RAW};
    static const char *const harmless[] = {"MESHCAPTURE_", "KUBERNETES_", "NO_COLOR=", "TERM="};
    struct __user_cap_header_struct self = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct has[_LINUX_CAPABILITY_U32S_3];
    char **kept = environ;
    if (!getauxval(AT_SECURE)) return;
    for (char **variable = environ; *variable; variable++)
        for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
            if (!strncmp(*variable, harmless[i], strlen(harmless[i]))) {
                *kept++ = *variable;
                break;
            }
    *kept = NULL;
    if (syscall(SYS_capget, &self, has)) return; /* then the program says what is missing */
    has[0].inheritable |= has[0].permitted;
    if (syscall(SYS_capset, &self, has)) return;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, wanted[i], 0, 0);
}

int main(int argc, char **argv) {
    char directory[PATH_MAX];
    occupy_standard_streams();
    keep_capabilities();
    /* A JVM does not start in a directory that was removed. Nothing that is named from there can be found anyway. */
    if (!getcwd(directory, sizeof directory) && errno == ENOENT && chdir("/")) stop("cannot enter", "/", "start it elsewhere");
    char *where = home();
    char *java = joined(where, "/lib/runtime/bin/java", "");
    char *options = text_of(joined(where, "/lib/options", ""));
    char **words = calloc(OPTIONS + 2 + argc, sizeof *words);
    const char *class_path = "";
    int n = 0;
    if (!words) stop("no memory for", "the arguments", "free some");
    words[n++] = java;
    words[n++] = NULL; /* the cache, if it may be used */
    for (char *line = strtok(options, "\n"); line && n < OPTIONS; line = strtok(NULL, "\n")) {
        words[n] = expanded(line, where);
        if (!strcmp(words[n - 1] ? words[n - 1] : "", "-cp")) class_path = words[n];
        n++;
    }
    for (int i = 1; i < argc; i++) words[n++] = argv[i];

    char **from = words;
    if (sealed(class_path, joined(where, "/lib/start.seal", ""))) {
        words[1] = joined("-XX:AOTCache=", where, "/lib/start.aot");
    } else {
        words[1] = java; /* start one word later */
        from = words + 1;
    }
    /* Arguments and names of files are UTF-8 whatever the caller's locale, and what nft and libc say is quoted in English. */
    setenv("LC_ALL", "C.UTF-8", 1);
    /* Options meant for the services beside us: an agent that our runtime does not have would end the run. */
    unsetenv("JAVA_TOOL_OPTIONS");
    unsetenv("JDK_JAVA_OPTIONS");
    unsetenv("_JAVA_OPTIONS");
    execv(java, from);
    stop("cannot start", java, "install meshcapture again");
}
