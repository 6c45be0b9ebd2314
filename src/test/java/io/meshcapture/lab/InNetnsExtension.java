package io.meshcapture.lab;

import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.extension.DynamicTestInvocationContext;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.InvocationInterceptor;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.junit.jupiter.api.extension.ReflectiveInvocationContext;
import org.junit.platform.commons.support.AnnotationSupport;

/**
 * What {@link InNetns} does. Each kind of test method has an interceptor of its own in JUnit: one that is missing here
 * would run in the machine's namespace without a word.
 */
final class InNetnsExtension implements InvocationInterceptor, ParameterResolver {
    private static final ExtensionContext.Namespace STORE = ExtensionContext.Namespace.create(InNetnsExtension.class);

    @Override
    public void interceptBeforeEachMethod(
            Invocation<@Nullable Void> invocation, ReflectiveInvocationContext<Method> method, ExtensionContext context)
            throws Throwable {
        session(context).call(invocation::proceed);
    }

    @Override
    public void interceptTestMethod(
            Invocation<@Nullable Void> invocation, ReflectiveInvocationContext<Method> method, ExtensionContext context)
            throws Throwable {
        session(context).call(invocation::proceed);
    }

    @Override
    public void interceptTestTemplateMethod(
            Invocation<@Nullable Void> invocation, ReflectiveInvocationContext<Method> method, ExtensionContext context)
            throws Throwable {
        session(context).call(invocation::proceed);
    }

    @Override
    @SuppressWarnings({"unchecked", "NullAway"}) // what comes back is what the factory made, null included
    public <T extends @Nullable Object> T interceptTestFactoryMethod(
            Invocation<T> invocation, ReflectiveInvocationContext<Method> method, ExtensionContext context)
            throws Throwable {
        return session(context).call(() -> (T) madeHere(invocation.proceed()));
    }

    @Override
    public void interceptDynamicTest(
            Invocation<@Nullable Void> invocation, DynamicTestInvocationContext test, ExtensionContext context)
            throws Throwable {
        session(context).call(invocation::proceed);
    }

    @Override
    public void interceptAfterEachMethod(
            Invocation<@Nullable Void> invocation, ReflectiveInvocationContext<Method> method, ExtensionContext context)
            throws Throwable {
        session(context).call(invocation::proceed);
    }

    @Override
    public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
        return parameter.getParameter().getType() == Lab.class;
    }

    @Override
    public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
        return session(context).lab();
    }

    private static Session session(ExtensionContext context) {
        return context.getStore(STORE)
                .computeIfAbsent(
                        Session.class,
                        absent -> Session.started(context.getDisplayName(), families(context)),
                        Session.class);
    }

    private static InNetns.Families families(ExtensionContext context) {
        return AnnotationSupport.findAnnotation(context.getTestMethod(), InNetns.class)
                .or(() -> AnnotationSupport.findAnnotation(
                        context.getRequiredTestClass(), InNetns.class, context.getEnclosingTestClasses()))
                .map(InNetns::families)
                .orElse(InNetns.Families.BOTH);
    }

    /** Lazy streams of dynamic tests would do their work outside, when JUnit walks them. */
    private static @Nullable Object madeHere(@Nullable Object produced) {
        return switch (produced) {
            case Stream<?> stream -> stream.map(InNetnsExtension::madeHere).toList().stream();
            case Iterator<?> iterator -> {
                var all = new ArrayList<@Nullable Object>();
                iterator.forEachRemaining(each -> all.add(madeHere(each)));
                yield all.iterator();
            }
            case DynamicContainer container -> {
                List<DynamicNode> children = container
                        .getChildren()
                        .map(child -> (DynamicNode) Objects.requireNonNull(madeHere(child)))
                        .toList();
                yield DynamicContainer.dynamicContainer(container.getDisplayName(), children);
            }
            case null, default -> produced;
        };
    }

    /** One test: its thread and, if it asked for one, its laboratory. JUnit closes it after the last {@code @AfterEach}. */
    private static final class Session implements AutoCloseable {
        private final NetnsThread thread;
        private final InNetns.Families families;
        private @Nullable Lab lab;

        private Session(NetnsThread thread, InNetns.Families families) {
            this.thread = thread;
            this.families = families;
        }

        static Session started(String test, InNetns.Families families) {
            try {
                return new Session(NetnsThread.forTest("app of " + test), families);
            } catch (Throwable e) {
                throw sneaky(e);
            }
        }

        <T extends @Nullable Object> T call(Work<T> work) throws Throwable {
            return thread.call(work);
        }

        Lab lab() {
            try {
                Lab here = lab == null ? thread.call(() -> Lab.build(thread, families)) : lab;
                lab = here;
                return here;
            } catch (Throwable e) {
                throw sneaky(e);
            }
        }

        @Override
        public void close() {
            try {
                // on its thread, where the mounts are that it made its files in
                Lab built = lab;
                if (built != null) {
                    thread.call(() -> {
                        built.close();
                        return null;
                    });
                }
            } catch (Throwable e) {
                throw sneaky(e);
            } finally {
                thread.close();
            }
        }

        @SuppressWarnings("unchecked")
        private static <E extends Throwable> RuntimeException sneaky(Throwable e) throws E {
            throw (E) e;
        }
    }
}
