import { ServiceError } from '@agentfleet/protocol'
// Types only: the client costs every process that loads it time and memory, and most need no cluster.
import type * as KubernetesClient from '@kubernetes/client-node'

/** How a cluster is reached. */
export interface ClusterTarget {
  readonly namespace: string | undefined
  /** Without it: the cluster that this process runs in. */
  readonly apiUrl: string | undefined
  readonly tokenFile: string | undefined
  readonly caFile: string | undefined
}

/** Who asks a cluster, and how patiently. */
export interface ClusterOptions {
  /** Whose role it is, as messages name it. */
  readonly role: string
  readonly callWithinMs: number
  /** What to say of a status, where that it was answered says too little. */
  readonly said?: Readonly<Record<number, string>>
}

/** What was asked of a cluster, in the words of messages. */
export interface ClusterAsk {
  readonly verb: string
  readonly what: string
  /** What a role is granted the verb on, where that is not `what`. */
  readonly right?: string
}

/** A cluster's API with the credentials for it. */
export interface Cluster {
  readonly credentials: KubernetesClient.KubeConfig
  readonly namespace: string
  /** What the client's APIs are made with; every call of theirs has the deadline. */
  readonly access: KubernetesClient.Configuration
  /** The status of a call that failed; undefined if nothing was answered. */
  statusOf(error: unknown): number | undefined
  /** Says which right is missing; only what was not refused is worth repeating. */
  failureOf(status: number | undefined, ask: ClusterAsk, cause: unknown): ServiceError
}

/** Opens nothing, the first call connects; whoever needs a cluster loads the client and gives it. */
export function openCluster(
  client: typeof KubernetesClient,
  target: ClusterTarget,
  { role, callWithinMs, said = {} }: ClusterOptions,
): Cluster {
  const credentials = credentialsOf(client, target)
  return {
    credentials,
    namespace: target.namespace ?? ownNamespace(credentials),
    access: client.createConfiguration({
      baseServer: new client.ServerConfiguration(credentials.getCurrentCluster()?.server ?? '', {}),
      authMethods: { default: credentials },
      promiseMiddleware: [
        {
          pre: async (context) => {
            context.setSignal(AbortSignal.timeout(callWithinMs))
            return context
          },
          post: async (context) => context,
        },
      ],
    }),
    statusOf: (error) => (error instanceof client.ApiException ? error.code : undefined),
    failureOf(status, { verb, what, right = what }, cause) {
      const answer =
        status === undefined
          ? 'the API server does not answer'
          : (said[status] ?? `the API server answered ${status}`)
      const message =
        status === 403
          ? `the role of ${role} lacks the verb "${verb}" on ${right}`
          : `${answer}, asked to ${verb} ${what}`
      const retryable = status !== 401 && status !== 403
      return new ServiceError('orchestrator-unavailable', message, { retryable, cause })
    },
  }
}

function credentialsOf(
  client: typeof KubernetesClient,
  { apiUrl, tokenFile, caFile }: ClusterTarget,
): KubernetesClient.KubeConfig {
  const config = new client.KubeConfig()
  if (apiUrl === undefined) {
    config.loadFromCluster()
    return config
  }
  const cluster = {
    name: 'cluster',
    server: apiUrl.replace(/\/$/, ''),
    // The client isPrimary plain HTTP (a local `kubectl proxy`) only when told that TLS does not matter.
    skipTLSVerify: apiUrl.startsWith('http:'),
    ...(caFile === undefined ? {} : { caFile }),
  }
  // Tokens of service accounts are replaced every hour: the client reads the file again.
  const authProvider =
    tokenFile === undefined ? {} : { authProvider: { name: 'tokenFile', config: { tokenFile } } }
  config.loadFromClusterAndUser(cluster, { name: 'user', ...authProvider })
  return config
}

function ownNamespace(credentials: KubernetesClient.KubeConfig): string {
  const namespace = credentials.getContextObject(credentials.getCurrentContext())?.namespace
  if (namespace) return namespace
  const message = 'neither K8S_NAMESPACE is set nor does the cluster name one'
  throw new ServiceError('orchestrator-unavailable', message, { retryable: false })
}
