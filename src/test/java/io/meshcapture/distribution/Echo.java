package io.meshcapture.distribution;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/** Shows what the launcher handed on; a {@link Distribution} of the tests starts it in Main's place. */
final class Echo {
    private Echo() {}

    public static void main(String[] arguments) throws IOException, InterruptedException {
        List<String> words = Arrays.asList(arguments);
        switch (words.isEmpty() ? "" : words.getFirst()) {
            case "arguments" ->
                words.forEach(word -> System.out.write(
                        (word + "\0").getBytes(StandardCharsets.UTF_8),
                        0,
                        word.getBytes(StandardCharsets.UTF_8).length + 1));
            case "exit" -> System.exit(Integer.parseInt(words.get(1)));
            case "input" -> System.in.transferTo(System.out);
            case "environment" -> System.getenv().keySet().forEach(System.out::println);
            case "wait" -> {
                System.out.println("waiting");
                Thread.sleep(60_000);
            }
            default -> System.out.println("nothing asked");
        }
        System.out.flush();
    }
}
