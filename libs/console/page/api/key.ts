import { signal } from '@preact/signals'
import { recall, remember } from '../shell/remembered.ts'

/** The name of the key in the storage of the tab, and of the channel to the other tabs. */
const NAME = 'agentfleet.key'
/** Milliseconds in which another tab of this page can answer with its key. */
const OTHER_TABS_MS = 150

/** The API key of this tab; undefined while the API needs no key or the reader has given no key. */
export const apiKey = signal(recall(NAME, 'sessionStorage'))
/** Whether the API refused a request because it had no valid key. */
export const keyWanted = signal(false)
/** The key that the API refused after it had taken it, and why: the key has expired, or an operator has revoked it. */
export const refusedKey = signal<{ readonly key: string; readonly why: string } | undefined>(
  undefined,
)

const channel = typeof BroadcastChannel === 'undefined' ? undefined : new BroadcastChannel(NAME)

channel?.addEventListener('message', ({ data }: MessageEvent<{ ask?: true; key?: string }>) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel reaches this origin only
  if (data.ask && apiKey.value !== undefined) channel.postMessage({ key: apiKey.value })
})

/** Uses a key from now on and keeps it as long as the tab lives. */
export function useKey(key: string): void {
  apiKey.value = key
  keyWanted.value = false
  refusedKey.value = undefined
  remember(NAME, key, 'sessionStorage')
}

/** Forgets a key that the API refuses and asks for another key; the view waits for it. */
export function refuseKey(why: string): void {
  refusedKey.value = apiKey.value === undefined ? undefined : { key: apiKey.value, why }
  drop()
}

/** Forgets the key because the reader wants that, and asks for another key. */
export function forgetKey(): void {
  refusedKey.value = undefined
  drop()
}

function drop(): void {
  apiKey.value = undefined
  keyWanted.value = true
  remember(NAME, undefined, 'sessionStorage')
}

/** Asks the other tabs of this page for their key. A hidden tab may still have the key that was just refused here. */
export function askOtherTabs(): Promise<string | undefined> {
  if (channel === undefined) return Promise.resolve(undefined)
  return new Promise((resolve) => {
    const end = (key?: string) => {
      clearTimeout(timer)
      channel.removeEventListener('message', listen)
      resolve(key)
    }
    const listen = ({ data }: MessageEvent<{ key?: string }>) => {
      if (data.key !== undefined && data.key !== refusedKey.value?.key) end(data.key)
    }
    const timer = setTimeout(end, OTHER_TABS_MS)
    channel.addEventListener('message', listen)
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel reaches this origin only
    channel.postMessage({ ask: true })
  })
}
