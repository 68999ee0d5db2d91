/** Settings of the reader that outlast the tab. A browser may refuse storage; then they last as long as the page. */

/** Returns a remembered value. */
export function recall(name: string): string | undefined {
  try {
    return localStorage.getItem(name) ?? undefined
  } catch {
    return undefined
  }
}

/** Remembers a value. */
export function remember(name: string, value: string): void {
  try {
    localStorage.setItem(name, value)
  } catch {
    // The setting is lost with the page.
  }
}
