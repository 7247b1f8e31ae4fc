/** What the Kubernetes tests run against, built from the Go module proxy. Kept at one place. */
export const VERSIONS = { kubernetes: '1.34.4', etcd: '3.6.5' } as const;

/** Go versions before this one can't build them. */
export const LEAST_GO = [1, 24] as const;
