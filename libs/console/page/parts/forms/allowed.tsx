import type { ComponentChildren } from 'preact'
import type { MeView } from '@agentfleet/protocol'
import { may } from '../../api/me.ts'

/** Shows actions if the key may do them, otherwise the reason why the key may not do them. */
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
