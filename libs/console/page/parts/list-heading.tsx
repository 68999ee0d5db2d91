import type { ComponentChildren } from 'preact'
import { Button } from './button.tsx'
import { open, place } from '../shell/router.ts'
import { may } from '../api/me.ts'
import { focusHeading } from './heading.ts'
import { Allowed } from './forms/allowed.tsx'

/** The heading of a list with the button that opens the form for a new record, and the form if the address asks for it. */
export function ListHeading({
  title,
  kind,
  children,
}: {
  title: string
  /** What the form makes. */
  kind: 'task' | 'goal' | 'schedule'
  /** The form. It calls `done` with the id of the new record. */
  children: (how: { done: (id: string) => void; leave: () => void }) => ComponentChildren
}) {
  const { query } = place.value
  const view = `${kind}s` as const
  const isOpen = query['form'] === 'new' && may('tasks:write')
  const show = (form: string | undefined) => open(view, undefined, { ...query, form })
  const leave = () => {
    show(undefined)
    focusHeading()
  }
  return (
    <>
      <div class="row">
        <h1 tabIndex={-1}>{title}</h1>
        <Allowed scope="tasks:write" to={`create ${view}`}>
          {!isOpen && <Button act={() => show('new')}>New {kind}</Button>}
        </Allowed>
      </div>
      {isOpen && children({ done: (id) => open(view, id), leave })}
    </>
  )
}
