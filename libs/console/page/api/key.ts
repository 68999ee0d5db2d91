import { signal } from '@preact/signals'

const NAME = 'agentfleet.key'
const CHANNEL = 'agentfleet.key'
/** Milliseconds in which another tab of this page can answer with its key. */
const OTHER_TABS_MS = 150

/** The API key of this tab; undefined while the API needs no key or the reader has given no key. */
export const apiKey = signal<string | undefined>(stored())
/** Whether the API refused a request because it had no valid key. */
export const keyWanted = signal(false)
/** The key that the API refused after it had taken it, and why: the key has expired, or an operator has revoked it. */
export const refusedKey = signal<{ readonly key: string; readonly why: string } | undefined>(
  undefined,
)

const channel = typeof BroadcastChannel === 'undefined' ? undefined : new BroadcastChannel(CHANNEL)

channel?.addEventListener('message', ({ data }: MessageEvent<{ ask?: true; key?: string }>) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel reaches this origin only
  if (data.ask && apiKey.value !== undefined) channel.postMessage({ key: apiKey.value })
})

/** Uses a key from now on and keeps it as long as the tab lives. */
export function useKey(key: string): void {
  apiKey.value = key
  keyWanted.value = false
  refusedKey.value = undefined
  try {
    sessionStorage.setItem(NAME, key)
  } catch {
    // The key lasts as long as the page.
  }
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
  try {
    sessionStorage.removeItem(NAME)
  } catch {
    // Nothing was stored.
  }
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

function stored(): string | undefined {
  try {
    return sessionStorage.getItem(NAME) ?? undefined
  } catch {
    return undefined
  }
}
