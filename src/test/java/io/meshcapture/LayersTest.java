package io.meshcapture;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static java.util.Map.entry;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.library.dependencies.SlicesRuleDefinition;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The rooms of the house and who may import whom, as the package-infos tell it. */
class LayersTest {
    private static final String HOUSE = "io.meshcapture";

    /** Each room and the rooms that it may import besides itself. */
    private static final Map<String, Set<String>> ROOMS = Map.ofEntries(
            entry(
                    "cli",
                    Set.of("verbs", "probe", "envoy", "doctor", "kubernetes", "config", "plan", "rules", "failure")),
            entry(
                    "verbs",
                    Set.of("doctor", "probe", "connections", "backend", "envoy", "rules", "plan", "system", "failure")),
            entry("probe", Set.of("backend", "rules", "plan", "system", "failure")),
            entry("connections", Set.of("backend", "rules", "plan", "system", "failure")),
            entry("doctor", Set.of("backend", "rules", "plan", "system", "failure")),
            entry("envoy", Set.of("plan", "failure")),
            entry("kubernetes", Set.of("plan", "failure")),
            entry("backend", Set.of("rules", "plan", "system", "ffi", "failure")),
            entry("rules", Set.of("plan", "failure")),
            entry("config", Set.of("plan", "failure")),
            entry("system", Set.of("ffi", "failure", "plan")),
            entry("ffi", Set.of("failure")),
            entry("plan", Set.of("failure")),
            entry("failure", Set.of()));

    private static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages(HOUSE);

    static Stream<String> rooms() {
        return ROOMS.keySet().stream().sorted();
    }

    @ParameterizedTest
    @MethodSource("rooms")
    void room_imports_only_what_it_may(String room) {
        imports(HOUSE, room, ROOMS).check(CLASSES);
    }

    @ParameterizedTest
    @MethodSource("rooms")
    void room_stands(String room) {
        assertTrue(
                CLASSES.stream().anyMatch(each -> roomOf(each).equals(room)),
                () -> "there is no class in room " + room);
    }

    @Test
    void every_class_lives_in_a_room() {
        classes()
                .that()
                .doNotHaveSimpleName("package-info")
                .should()
                .resideInAnyPackage(
                        ROOMS.keySet().stream().map(room -> inside(HOUSE, room)).toArray(String[]::new))
                .because("a room that this test does not know has no rules")
                .check(CLASSES);
    }

    @Test
    void no_cycles_between_rooms() {
        slices().matching(HOUSE + ".(*)..").should().beFreeOfCycles().check(CLASSES);
    }

    @Test
    void only_ffi_knows_jnr() {
        noClasses()
                .that(resideOutsideOfPackage(inside(HOUSE, "ffi")))
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("jnr..", "com.kenai..")
                .allowEmptyShould(true)
                .check(CLASSES);
    }

    @Test
    void ffi_lays_out_no_structs() {
        noClasses()
                .should()
                .beAssignableTo("jnr.ffi.Struct")
                .because("a layout differs between architectures, and libnftables needs none")
                .check(CLASSES);
    }

    @Test
    void no_package_is_named_after_nothing() {
        noClasses()
                .should()
                .resideInAnyPackage("..util..", "..utils..", "..common..", "..helper..", "..helpers..", "..manager..")
                .check(CLASSES);
    }

    @Test
    void only_cli_prints_and_exits() {
        printsOrExitsOutside("cli").check(CLASSES);
    }

    /** The rules can fail: held against a house with other arrows they do. */
    @Test
    void the_rules_see_violations() {
        String other = "com.tngtech.archunit";
        JavaClasses theirs = new ClassFileImporter().importClasses(SlicesRuleDefinition.class, JavaClass.class);
        assertThrows(
                AssertionError.class,
                () -> imports(other, "library", Map.of("library", Set.of("base")))
                        .check(theirs));
        assertThrows(
                AssertionError.class,
                () -> printsOrExitsOutside("cli").check(new ClassFileImporter().importClasses(Offender.class)));
    }

    private static ArchRule imports(String house, String room, Map<String, Set<String>> rooms) {
        var allowed = Stream.concat(Stream.of(room), rooms.getOrDefault(room, Set.of()).stream())
                .sorted()
                .toList();
        var allowedPackages = resideInAnyPackage(
                allowed.stream().map(other -> inside(house, other)).toArray(String[]::new));
        return noClasses()
                .that()
                .resideInAPackage(inside(house, room))
                .should()
                .dependOnClassesThat(resideInAnyPackage(house + "..")
                        .and(describe("outside " + allowed, each -> !allowedPackages.test(each))))
                .allowEmptyShould(true);
    }

    private static ArchRule printsOrExitsOutside(String room) {
        return noClasses()
                .that(resideOutsideOfPackage(inside(HOUSE, room)))
                .should()
                .accessField(System.class, "out")
                .orShould()
                .accessField(System.class, "err")
                .orShould()
                .callMethod(Throwable.class, "printStackTrace")
                .orShould()
                .callMethod(System.class, "exit", int.class)
                .allowEmptyShould(true);
    }

    private static String inside(String house, String room) {
        return house + "." + room + "..";
    }

    private static String roomOf(JavaClass each) {
        String[] parts = each.getPackageName().substring(HOUSE.length()).split("\\.", 3);
        return parts.length > 1 ? parts[1] : "";
    }

    /** Does what is forbidden, so that {@link #the_rules_see_violations} can see that it is noticed. */
    static final class Offender {
        static void print() {
            System.out.println("not here");
        }
    }
}
