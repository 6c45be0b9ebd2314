/**
 * Does capture work in pods, as what really runs pods runs them?
 *
 * <p>{@link io.meshcapture.pod.Cluster} is a Kubernetes of one node for these tests alone, made and ended by
 * {@code test-env/kubernetes/cluster}, in namespaces of its own; it runs the init image that {@code Dockerfile.init} makes.
 */
@NullMarked
package io.meshcapture.pod;

import org.jspecify.annotations.NullMarked;
