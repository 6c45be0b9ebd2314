"""The least that a Java program can do, started with what the launcher would give it."""

import os

from measure import output

HOME = os.path.abspath("target/meshcapture")
JAVA = f"{HOME}/lib/runtime/bin/java"


def bare_jvm(directory):
    """The command that starts Hello with what the launcher would give it: same options, own jar, own cache."""
    javac, jar = (os.path.join(os.environ["JAVA_HOME"], "bin", tool) for tool in ("javac", "jar"))
    output(javac, "-d", f"{directory}/classes", "scripts/bench.d/Hello.java")
    output(jar, "--create", "--file", f"{directory}/hello.jar", "-C", f"{directory}/classes", ".")
    with open(f"{HOME}/lib/options", encoding="utf-8") as file:
        options = file.read().replace("%H", HOME).split("\n")
    options = options[: options.index("-cp")]
    program = [*options, "-cp", f"{directory}/hello.jar", "Hello"]
    # as in scripts/build.d/train
    unlocked = ["-XX:+UnlockDiagnosticVMOptions", "-XX:+UnlockExperimentalVMOptions", "-XX:-AOTRecordTraining"]
    output(JAVA, f"-XX:AOTCacheOutput={directory}/hello.aot", *unlocked, *program)
    return [JAVA, f"-XX:AOTCache={directory}/hello.aot", *program], options
