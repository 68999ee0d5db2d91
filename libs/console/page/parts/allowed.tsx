import type { ComponentChildren } from 'preact'
import type { MeView } from '@agentfleet/protocol'
import { may } from '../api/me.ts'

/** Shows actions to a key that may do them, and to another key the reason why it may not. */
export function Allowed({
  scope,
  to,
  children,
}: {
  scope: MeView['scopes'][number]
  /** What the actions do, after "to": `cancel or replay tasks`. */
  to: string
  children: ComponentChildren
}) {
  if (may(scope)) return <>{children}</>
  return (
    <p class="muted">
      Your key may not {to}: it needs the scope <code>{scope}</code>.
    </p>
  )
}
