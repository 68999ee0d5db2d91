import { signal } from '@preact/signals'
import type { MeView } from '@agentfleet/protocol'
import { request } from './http.ts'

type Scope = MeView['scopes'][number]

/** The caller, as the gateway knows the key; undefined until it has answered. */
export const me = signal<MeView | undefined>(undefined)

/** The tenant whose data the views show. A key of another tenant starts them again. */
export const owner = signal('')

/** Takes over who the caller is, as the gateway has answered for a key. */
export function become(caller: MeView): void {
  // The first answer only names the tenant of what is already shown.
  const known = me.value?.tenant
  if (known !== undefined && known !== caller.tenant) owner.value = caller.tenant
  me.value = caller
}

/** Reads who the caller is, with the key of this tab or with another key. Throws an ApiError for a wrong key. */
export function readMe(sent: { key?: string; signal?: AbortSignal } = {}): Promise<MeView> {
  return request<MeView>('/v1/me', sent)
}

/** Whether the key may do this; before the gateway has answered, the gateway decides at the action. */
export function may(scope: Scope): boolean {
  return me.value?.scopes.includes(scope) ?? true
}
