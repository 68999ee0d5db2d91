import { TOKEN_PATTERN } from '../subjects.ts'

/**
 * How a node says who it is when it connects to NATS (L9): the server hands this to a coordinator, which
 * answers with the permissions of this node alone. The password is the fleet's; the secret is the node's own,
 * and its name belongs to the first secret that used it.
 */
export interface NodeLogin {
  readonly nodeId: string
  readonly password: string
  readonly secret: string
}

/** The user of processes that connect as a node; the server knows no such user and asks a coordinator. */
export const NODE_USER = 'node'
/** It must not be guessed, and needs no more than this, characters. */
const SECRET_PATTERN = /^[A-Za-z0-9_-]{20,128}$/

/** User and password of a connection. */
export function nodeCredentials({ nodeId, password, secret }: NodeLogin) {
  return { user: `${NODE_USER}.${nodeId}`, password: `${password}.${secret}` }
}

/** The login in user and password; undefined if they are not those of a node. */
export function readNodeCredentials(user: string, password: string): NodeLogin | undefined {
  const [prefix, nodeId = '', ...rest] = user.split('.')
  const at = password.lastIndexOf('.')
  const secret = password.slice(at + 1)
  if (prefix !== NODE_USER || rest.length > 0 || at < 0) return undefined
  if (!TOKEN_PATTERN.test(nodeId) || !SECRET_PATTERN.test(secret)) return undefined
  return { nodeId, password: password.slice(0, at), secret }
}
