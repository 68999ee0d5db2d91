/** Decides which process may connect under which name of a node (L9). */

/** A process that asks to connect as a node. */
interface Login {
  /** It knows the password that all nodes of the fleet share. */
  readonly passwordMatches: boolean
  /** A digest of the secret that only this node has. */
  readonly digest: string
}

type LoginDecision =
  /** The node is known by this secret. */
  | { readonly kind: 'admit' }
  /** The first process of this name: the name belongs to its secret from now on. */
  | { readonly kind: 'bind' }
  | { readonly kind: 'refuse'; readonly reason: 'wrong password' | 'name of another node' }

/** Decides on a login; `known` is the digest that the name belongs to, if to any. */
export function decideLogin(login: Login, known: string | undefined): LoginDecision {
  if (!login.passwordMatches) return { kind: 'refuse', reason: 'wrong password' }
  if (known === undefined) return { kind: 'bind' }
  return known === login.digest
    ? { kind: 'admit' }
    : { kind: 'refuse', reason: 'name of another node' }
}
