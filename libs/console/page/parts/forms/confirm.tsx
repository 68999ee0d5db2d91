import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { Button } from '../button.tsx'
import { Dialog } from './dialog.tsx'
import { useAction } from './action.ts'

interface Asked {
  readonly label: string
  readonly question: string
  /** What the action does. */
  readonly children: ComponentChildren
  readonly act: () => Promise<void>
}

/** A button that asks before it acts, and shows why the action did not succeed. */
export function Confirm(asked: Asked) {
  const [asking, setAsking] = useState(false)
  return (
    <>
      <Button aria-haspopup="dialog" act={() => setAsking(true)}>
        {asked.label} …
      </Button>
      {asking && <Question {...asked} closed={() => setAsking(false)} />}
    </>
  )
}

function Question({ label, question, children, act, closed }: Asked & { closed: () => void }) {
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
