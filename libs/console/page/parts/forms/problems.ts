import type { FieldError } from '@agentfleet/protocol'

/** What the gateway refused, sorted by the fields of a form. */
export interface FormProblems {
  /** Says why the gateway refused the field of this JSON pointer. */
  readonly at: (pointer: string) => string | undefined
  /** The part of the refusal that belongs to no field; empty if every problem stands at its field. */
  readonly rest: string
}

/** Sorts a refusal by the JSON pointers of the fields that a form has. */
export function problemsOf(
  refused: { readonly message: string; readonly errors: readonly FieldError[] } | undefined,
  pointers: readonly string[],
): FormProblems {
  const { message = '', errors = [] } = refused ?? {}
  const found = errors.map(({ pointer, detail }) => ({ at: fieldOf(pointer, pointers), detail }))
  const isPlaced = found.length > 0 && found.every(({ at }) => at !== undefined)
  return {
    at: (pointer) =>
      found
        .filter(({ at }) => at === pointer)
        .map(({ detail }) => detail)
        .join('; ') || undefined,
    rest: isPlaced ? '' : message,
  }
}

/** The field that has the refused value, or the value around it. */
function fieldOf(pointer: string, pointers: readonly string[]): string | undefined {
  return pointers
    .filter((each) => pointer === each || pointer.startsWith(`${each}/`))
    .toSorted((a, b) => b.length - a.length)[0]
}
