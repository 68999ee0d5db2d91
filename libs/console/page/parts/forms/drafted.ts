import { useState } from 'preact/hooks'
import type { FormProblems } from './problems.ts'

/** What a form knows about the value that the reader writes. */
export interface Drafted<Body extends object> {
  /** A field that the reader has emptied is absent. */
  readonly draft: Partial<Body>
  /** Changes one field; undefined and an empty text remove the field. */
  readonly change: (name: keyof Body & string, value: Body[keyof Body & string] | undefined) => void
  readonly at: FormProblems['at']
}

/** Connects an input with the field of this name: its value, its change, and what the gateway refused about it. */
export function bound<Body extends object, Name extends keyof Body & string>(
  { draft, change, at }: Drafted<Body>,
  name: Name,
) {
  return {
    value: draft[name],
    set: (value: Body[Name] | undefined) => change(name, value),
    problem: at(`/${name}`),
  }
}

/** Keeps the value that the reader writes. */
export function useDraft<Body extends object>(
  begin: Body,
): Pick<Drafted<Body>, 'change'> & { readonly draft: Body } {
  const [draft, setDraft] = useState(begin)
  return { draft, change: (name, value) => setDraft((before) => changed(before, name, value)) }
}

/** Returns the value with another value of one field; undefined and an empty text remove the field. */
export function changed<Body extends object>(
  before: Body,
  name: keyof Body,
  value: Body[keyof Body] | undefined,
): Body {
  const { [name]: _before, ...rest } = before
  return (value === '' || value === undefined ? rest : { ...rest, [name]: value }) as Body
}
