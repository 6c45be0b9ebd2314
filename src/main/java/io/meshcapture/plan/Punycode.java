package io.meshcapture.plan;

import org.jspecify.annotations.Nullable;

/** The encoding of internationalized labels (RFC 3492, with the parameters of its section 5). */
final class Punycode {
    /** What an encoded label begins with (RFC 5890 section 2.3.2.1). */
    static final String PREFIX = "xn--";

    private static final int BASE = 36;
    private static final int T_MIN = 1;
    private static final int T_MAX = 26;
    private static final int SKEW = 38;
    private static final int DAMP = 700;
    private static final int INITIAL_BIAS = 72;
    private static final int INITIAL_N = 128;

    private Punycode() {}

    /** A label as it stands in DNS, the prefix included. */
    static String encode(String label) {
        int[] input = label.codePoints().toArray();
        StringBuilder output = new StringBuilder(PREFIX);
        int basic = 0;
        for (int codePoint : input) {
            if (codePoint < INITIAL_N) {
                output.append((char) codePoint);
                basic++;
            }
        }
        if (basic > 0) {
            output.append('-');
        }
        int n = INITIAL_N;
        int delta = 0;
        int bias = INITIAL_BIAS;
        for (int handled = basic; handled < input.length; ) {
            int next = Integer.MAX_VALUE;
            for (int codePoint : input) {
                next = codePoint >= n ? Math.min(next, codePoint) : next;
            }
            delta += (next - n) * (handled + 1);
            n = next;
            for (int codePoint : input) {
                if (codePoint < n) {
                    delta++;
                } else if (codePoint == n) {
                    bias = append(output, delta, bias, handled + 1, handled == basic);
                    delta = 0;
                    handled++;
                }
            }
            delta++;
            n++;
        }
        return output.toString();
    }

    private static int append(StringBuilder output, int delta, int bias, int handled, boolean first) {
        int q = delta;
        for (int k = BASE; ; k += BASE) {
            int t = threshold(k, bias);
            if (q < t) {
                output.append(digit(q));
                return adapted(delta, handled, first);
            }
            output.append(digit(t + (q - t) % (BASE - t)));
            q = (q - t) / (BASE - t);
        }
    }

    /** The label that an encoded one, in lower case and without its prefix, stands for; null where it is none. */
    static @Nullable String decode(String encoded) {
        int delimiter = encoded.lastIndexOf('-');
        StringBuilder output = new StringBuilder(delimiter > 0 ? encoded.substring(0, delimiter) : "");
        int length = output.length();
        int n = INITIAL_N;
        int i = 0;
        int bias = INITIAL_BIAS;
        for (int at = delimiter + 1; at < encoded.length(); ) {
            int old = i;
            long weight = 1;
            for (int k = BASE; ; k += BASE) {
                int digit = at < encoded.length() ? value(encoded.charAt(at++)) : -1;
                long sum = i + digit * weight;
                if (digit < 0 || sum > Integer.MAX_VALUE) {
                    return null;
                }
                i = (int) sum;
                int t = threshold(k, bias);
                if (digit < t) {
                    break;
                }
                weight = Math.min(Integer.MAX_VALUE, weight * (BASE - t));
            }
            length++;
            bias = adapted(i - old, length, old == 0);
            n += i / length;
            i %= length;
            if (n < 0 || n > Character.MAX_CODE_POINT) {
                return null;
            }
            output.insert(output.offsetByCodePoints(0, i++), Character.toString(n));
        }
        return output.toString();
    }

    private static int threshold(int k, int bias) {
        return Math.clamp(k - bias, T_MIN, T_MAX);
    }

    private static int adapted(int delta, int points, boolean first) {
        int rest = first ? delta / DAMP : delta / 2;
        rest += rest / points;
        int k = 0;
        while (rest > (BASE - T_MIN) * T_MAX / 2) {
            rest /= BASE - T_MIN;
            k += BASE;
        }
        return k + (BASE - T_MIN + 1) * rest / (rest + SKEW);
    }

    private static char digit(int value) {
        return (char) (value < 26 ? 'a' + value : '0' + value - 26);
    }

    private static int value(char digit) {
        if (digit >= 'a' && digit <= 'z') {
            return digit - 'a';
        }
        return digit >= '0' && digit <= '9' ? digit - '0' + 26 : -1;
    }
}
