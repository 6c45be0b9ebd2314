package io.meshcapture.verbs;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.meshcapture.plan.HostName;
import io.meshcapture.plan.HostsCapture;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.LoopbackAddress;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EnvTest {
    private final Map<String, String> variables = new LinkedHashMap<>();
    private final List<String> notes = new ArrayList<>();

    private void add(String service) throws Exception {
        LoopbackAddress address = Objects.requireNonNull(LoopbackAddress.parse("127.66.0.1"));
        HostsCapture hosts = new HostsCapture(List.of(HostName.parse("shop.internal")), Map.of(), List.of());
        Env.add(new ServiceName(service), hosts, address, variables, notes);
    }

    @Test
    void a_hyphen_is_an_underscore() throws Exception {
        add("web-shop");
        assertEquals(Map.of("WEB_SHOP_SERVICE_HOST", "127.66.0.1"), variables);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "kubernetes|by these programs find the API server of Kubernetes",
                "7eleven|a name of a variable does not begin with a digit"
            })
    void a_service_whose_variables_would_be_others_or_none_gets_none(String service, String because) throws Exception {
        add(service);
        assertEquals(Map.of(), variables);
        assertEquals(
                List.of("service " + service + " gets no variables, because " + because + "; give it another name"),
                notes);
    }
}
