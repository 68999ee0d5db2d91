/** The views of the list that the reader has named. Pure: `saved-views.tsx` stores them. */

import { jsonIn } from '@agentfleet/domain'

/** A named view: its name and its query in the address. */
export interface SavedView {
  readonly name: string
  readonly query: Readonly<Record<string, string>>
}

/** A reader can keep this many names apart. */
export const VIEWS_MAX = 20
/** Characters of a name. */
export const NAME_CHARS_MAX = 60

/** Reads stored views; a text that is not a list of views gives none. */
export function viewsIn(text: string | undefined): readonly SavedView[] {
  const stored = jsonIn(text ?? '')
  return Array.isArray(stored) ? stored.filter(isView).slice(0, VIEWS_MAX) : []
}

function isView(value: unknown): value is SavedView {
  if (typeof value !== 'object' || value === null) return false
  const { name, query } = value as Partial<SavedView>
  if (typeof name !== 'string' || typeof query !== 'object' || query === null) return false
  return Object.values(query).every((each) => typeof each === 'string')
}

/** Adds a view; one with the same name is replaced. */
export function withView(views: readonly SavedView[], view: SavedView): readonly SavedView[] {
  const others = views.filter(({ name }) => name !== view.name)
  return [...others, view].toSorted((a, b) => (a.name < b.name ? -1 : 1))
}
