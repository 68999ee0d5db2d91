import { matches } from './streams.ts'

/** The listeners of each subject. */
interface Interest<T> {
  /** Adds a listener; the returned function removes it. */
  add(subject: string, listener: T): () => void
  /** All listeners of this subject. */
  of(subject: string): readonly T[]
}

/**
 * Creates an empty set of listeners. Most subjects are exact or inboxes (`….*`), which need no search; other
 * patterns are few.
 */
export function createInterest<T>(): Interest<T> {
  const exact = new Map<string, T[]>()
  const inboxes = new Map<string, T[]>()
  const patterns: { readonly tokens: readonly string[]; readonly listener: T }[] = []

  const addTo = (lists: Map<string, T[]>, key: string, listener: T): (() => void) => {
    const list = lists.get(key)
    if (list === undefined) lists.set(key, [listener])
    else list.push(listener)
    return () => {
      const left = (lists.get(key) ?? []).filter((each) => each !== listener)
      if (left.length === 0) lists.delete(key)
      else lists.set(key, left)
    }
  }

  return {
    add(subject, listener) {
      const inbox = subject.endsWith('.*') && !subject.slice(0, -1).includes('*')
      if (inbox) return addTo(inboxes, subject.slice(0, -2), listener)
      if (!/[*>]/.test(subject)) return addTo(exact, subject, listener)
      const entry = { tokens: subject.split('.'), listener }
      patterns.push(entry)
      return () => {
        const at = patterns.indexOf(entry)
        if (at >= 0) patterns.splice(at, 1)
      }
    },
    of(subject) {
      const own = exact.get(subject) ?? []
      const inbox = inboxes.get(subject.slice(0, subject.lastIndexOf('.')))
      if (inbox !== undefined) return own.length === 0 ? inbox : [...own, ...inbox]
      const tokens = subject.split('.')
      const fitting = patterns.filter((each) => matches(each.tokens, tokens))
      if (fitting.length === 0) return own
      return [...own, ...fitting.map(({ listener }) => listener)]
    },
  }
}
