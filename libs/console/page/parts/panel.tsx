import type { ComponentChildren } from 'preact'
import type { Loaded } from '../api/load.ts'

/** Shows a loaded value; before it arrives a placeholder, and its error above it. */
export function Panel<Value>({
  loaded,
  children,
}: {
  loaded: Loaded<Value>
  children: (value: Value) => ComponentChildren
}) {
  const { value, error, reload } = loaded
  return (
    <>
      {error !== undefined && (
        <div class="problem box" role="alert">
          <p>
            {error.message} <code>{error.code}</code>
            {error.retryAfterS !== undefined && ` The page tries again in ${error.retryAfterS} s.`}
          </p>
          <button type="button" onClick={reload}>
            Try again
          </button>
        </div>
      )}
      {value !== undefined && children(value)}
      {value === undefined && error === undefined && (
        <p class="muted loading" aria-busy="true">
          Loading …
        </p>
      )}
    </>
  )
}
