import { createHash, timingSafeEqual } from 'node:crypto'
import { answerLogins, type Bus, type HandleLogin, type Identities } from '@agentfleet/adapters'
import { decideLogin } from '@agentfleet/domain'
import { openIssuer, permissionsOf, readNodeCredentials } from '@agentfleet/protocol'
import type { Clock, Logger, Service } from '@agentfleet/runtime'

/**
 * Vouches for nodes (L9): nats-server asks it which permissions the connection of a node gets.
 *
 * A node proves its name with a secret; the name belongs to the first secret that used it, for as long as OPS
 * keeps the entry. The permissions name this node alone, so it neither hears the tasks of another node nor
 * reports on them. Any number of coordinators answer; connections that exist need none of them.
 */
interface VouchDeps {
  readonly bus: Bus
  readonly identities: Identities
  /**
   * The password that all nodes share, and the key that signs answers; without them there are no such nodes.
   */
  readonly nodePassword: string | undefined
  readonly issuerSeed: string | undefined
  readonly clock: Clock
  readonly log: Logger
}

/** Answers logins between start and drain. */
export function createVouching(deps: VouchDeps): Service {
  const { bus, nodePassword, issuerSeed, log } = deps
  const issuer = issuerSeed === undefined ? undefined : openIssuer(issuerSeed)
  let answering: { close(): void } | undefined
  return {
    async start() {
      if (issuer === undefined || nodePassword === undefined) return
      const handle = createLoginHandler({ ...deps, nodePassword })
      answering ??= answerLogins(bus, { issuer, handle, log })
    },
    async drain() {
      answering?.close()
      answering = undefined
    },
  }
}

/** Decides on the login of a node. */
function createLoginHandler(
  deps: Pick<VouchDeps, 'identities' | 'clock'> & { readonly nodePassword: string },
): HandleLogin {
  const { identities, clock } = deps
  const expected = sha256(deps.nodePassword)
  return async (user, password) => {
    const asked = readNodeCredentials(user, password)
    if (asked === undefined) return { kind: 'refuse', reason: 'unknown user' }
    const { nodeId } = asked
    const login = {
      passwordMatches: timingSafeEqual(sha256(asked.password), expected),
      digest: sha256(asked.secret).toString('base64url'),
    }
    // A caller without the password cannot learn which names exist.
    const known = login.passwordMatches ? await identities.known(nodeId) : undefined
    let decision = decideLogin(login, known)
    if (decision.kind === 'bind') {
      const owner = await identities.bind(nodeId, login.digest, clock.nowMs())
      decision = decideLogin(login, owner)
    }
    return decision.kind === 'refuse'
      ? decision
      : { kind: 'admit', permissions: permissionsOf('worker', nodeId) }
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
