import { signal } from '@preact/signals'
import type { MeView } from '@agentfleet/protocol'
import { request } from './http.ts'

type Scope = MeView['scopes'][number]

/** The caller, as the gateway knows the key; undefined until it has answered. */
export const me = signal<MeView | undefined>(undefined)

/** Reads who the caller is, with the key of this tab or with another key. Throws an ApiError for a wrong key. */
export function readMe(sent: { key?: string; signal?: AbortSignal } = {}): Promise<MeView> {
  return request<MeView>('/v1/me', sent)
}

/** Whether the key may do this; before the gateway has answered, the gateway decides at the action. */
export function may(scope: Scope): boolean {
  return me.value?.scopes.includes(scope) ?? true
}
