import { ServiceError } from '@agentfleet/protocol'
import * as client from '@kubernetes/client-node'

/** The Deployment, and the connection to its cluster. */
export interface KubernetesTarget {
  readonly deployment: string
  readonly namespace: string | undefined
  /** Without it: the cluster that this process runs in. */
  readonly apiUrl: string | undefined
  readonly tokenFile: string | undefined
  readonly caFile: string | undefined
}

/** A request to a cluster, in words for messages: a verb and the right that it needs. */
interface ClusterAsk {
  readonly verb: string
  readonly what: string
}

/** A cluster's API with the credentials for it. */
export type Cluster = ReturnType<typeof openCluster>

/** Opens nothing; the first call connects. */
export function openCluster(target: KubernetesTarget, callWithinMs: number) {
  const credentials = credentialsOf(target)
  return {
    credentials,
    namespace: target.namespace ?? ownNamespace(credentials),
    /** The configuration of the client's APIs; every call has the deadline. */
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
  }
}

/** The status of a failed call; undefined if there was no answer. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof client.ApiException ? error.code : undefined
}

/** Names the missing right; only a failure without a refusal is retryable. */
export function failureOf(
  status: number | undefined,
  { verb, what }: ClusterAsk,
  cause: unknown,
): ServiceError {
  const answers: Readonly<Record<number, string>> = {
    401: 'the API server does not accept the token',
    403: `the role of this service lacks the verb "${verb}"`,
  }
  const answer =
    status === undefined
      ? 'the API server does not answer'
      : (answers[status] ?? `the API server answered ${status}`)
  const message = status === 403 ? `${answer} on ${what}` : `${answer} (request: ${verb} ${what})`
  const retryable = status !== 401 && status !== 403
  return new ServiceError('orchestrator-unavailable', message, { retryable, cause })
}

/** A cluster whose state forbids the request; repeating it changes nothing unless `retryable`. */
export function unusable(message: string, retryable = false): ServiceError {
  return new ServiceError('orchestrator-unavailable', message, { retryable })
}

function credentialsOf({ apiUrl, tokenFile, caFile }: KubernetesTarget): client.KubeConfig {
  const config = new client.KubeConfig()
  if (apiUrl === undefined) {
    config.loadFromCluster()
    return config
  }
  const cluster = {
    name: 'cluster',
    server: apiUrl.replace(/\/$/, ''),
    // The client accepts plain HTTP (a local `kubectl proxy`) only with the TLS check switched off.
    skipTLSVerify: apiUrl.startsWith('http:'),
    ...(caFile === undefined ? {} : { caFile }),
  }
  // The cluster replaces tokens of service accounts every hour: the client reads the file again.
  const authProvider =
    tokenFile === undefined ? {} : { authProvider: { name: 'tokenFile', config: { tokenFile } } }
  config.loadFromClusterAndUser(cluster, { name: 'user', ...authProvider })
  return config
}

function ownNamespace(credentials: client.KubeConfig): string {
  const namespace = credentials.getContextObject(credentials.getCurrentContext())?.namespace
  if (namespace) return namespace
  throw unusable('K8S_NAMESPACE is not set, and the pod has no file with its namespace')
}
