package io.meshcapture.lab;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Runs each test, with its {@code @BeforeEach} and {@code @AfterEach}, on a fresh thread in network and mount namespaces
 * of its own, and offers it a {@link Lab}. On a class it means all its tests. Plain, parameterized, repeated and dynamic
 * tests alike; the dynamic tests of one factory share its namespaces.
 *
 * <p>Constructors, {@code @BeforeAll} and {@code @AfterAll} run outside, where the laboratory refuses to work.
 */
@Documented
@Inherited
@Retention(RetentionPolicy.RUNTIME)
@Target({ElementType.TYPE, ElementType.METHOD})
@ExtendWith(InNetnsExtension.class)
public @interface InNetns {
    /** The address families of {@code app}; {@code srv} always speaks both. An annotation on the method wins. */
    Families families() default Families.BOTH;

    enum Families {
        BOTH,
        /** No IPv6 at all in {@code app}, not even ::1 ({@code net.ipv6.conf.*.disable_ipv6}). */
        IPV4_ONLY,
        /** No IPv4 in {@code app} except 127.0.0.1. */
        IPV6_ONLY
    }
}
