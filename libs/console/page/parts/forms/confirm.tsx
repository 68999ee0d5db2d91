import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { Button } from '../button.tsx'
import { Dialog } from './dialog.tsx'
import { useAction } from './action.ts'

/** A button that asks before it acts, and shows why the action did not succeed. */
export function Confirm({
  label,
  question,
  children,
  act,
}: {
  label: string
  question: string
  /** What the action does. */
  children: ComponentChildren
  act: () => Promise<void>
}) {
  const [asking, setAsking] = useState(false)
  return (
    <>
      <Button aria-haspopup="dialog" act={() => setAsking(true)}>
        {label} …
      </Button>
      {asking && (
        <Question label={label} question={question} act={act} closed={() => setAsking(false)}>
          {children}
        </Question>
      )}
    </>
  )
}

function Question({
  label,
  question,
  children,
  act,
  closed,
}: {
  label: string
  question: string
  children: ComponentChildren
  act: () => Promise<void>
  closed: () => void
}) {
  const action = useAction()
  return (
    <Dialog title={question} closed={closed}>
      {(close) => (
        <>
          <p>{children}</p>
          <p class="problem" role="alert">
            {action.said}
          </p>
          <p class="row">
            <Button
              class="primary"
              disabled={action.busy}
              act={() => action.act(() => act().then(close))}
            >
              {label}
            </Button>
            <Button act={close}>Do nothing</Button>
          </p>
        </>
      )}
    </Dialog>
  )
}
