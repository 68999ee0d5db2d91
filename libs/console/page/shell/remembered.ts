/**
 * Settings of the reader, which outlast the tab, and the key, which does not. A browser may refuse storage; then they
 * last as long as the page.
 */

type Storage = 'localStorage' | 'sessionStorage'

/** Returns a remembered value. */
export function recall(name: string, storage: Storage = 'localStorage'): string | undefined {
  try {
    return globalThis[storage].getItem(name) ?? undefined
  } catch {
    return undefined
  }
}

/** Remembers a value; undefined forgets it. */
export function remember(
  name: string,
  value: string | undefined,
  storage: Storage = 'localStorage',
): void {
  try {
    if (value === undefined) globalThis[storage].removeItem(name)
    else globalThis[storage].setItem(name, value)
  } catch {
    // The value is lost with the page.
  }
}
