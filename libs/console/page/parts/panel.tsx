import type { ComponentChildren } from 'preact'
import { Boundary, Drawn } from './boundary.tsx'
import { Button } from './button.tsx'
import type { Loaded } from '../api/load.ts'
import { ago } from '@agentfleet/domain'

/** Shows a loaded value; before it arrives a placeholder, and its error above it. */
export function Panel<Value>({
  loaded,
  children,
}: {
  loaded: Loaded<Value>
  children: (value: Value) => ComponentChildren
}) {
  const { value, error, reload, loadedAtMs } = loaded
  return (
    <>
      {error !== undefined && (
        <div class="problem box" role="alert">
          <p>
            {error.message} <code>{error.code}</code>
            {error.retryAfterS !== undefined && ` The page tries again in ${error.retryAfterS} s.`}
          </p>
          {value !== undefined && loadedAtMs !== undefined && (
            <p>What you see below was read {ago(loadedAtMs, Date.now())}.</p>
          )}
          <Button act={reload}>Try again</Button>
        </div>
      )}
      {value !== undefined && (
        <Boundary version={loadedAtMs}>
          <Drawn by={() => children(value)} />
        </Boundary>
      )}
      {value === undefined && error === undefined && (
        <p class="muted loading" aria-busy="true">
          Loading …
        </p>
      )}
    </>
  )
}
