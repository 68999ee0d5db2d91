import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { Button } from '../button.tsx'

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
        <Question label={label} question={question} act={act} close={() => setAsking(false)}>
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
  close,
}: {
  label: string
  question: string
  children: ComponentChildren
  act: () => Promise<void>
  close: () => void
}) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState('')
  useEffect(() => dialog.current?.showModal(), [])
  const confirm = async () => {
    setBusy(true)
    setProblem('')
    try {
      await act()
      dialog.current?.close()
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error))
      setBusy(false)
    }
  }
  return (
    <dialog ref={dialog} aria-labelledby="question" onClose={close}>
      <h2 id="question">{question}</h2>
      <p>{children}</p>
      <p class="problem" role="alert">
        {problem}
      </p>
      <p class="row">
        <Button class="primary" disabled={busy} act={confirm}>
          {label}
        </Button>
        <Button act={() => dialog.current?.close()}>Do nothing</Button>
      </p>
    </dialog>
  )
}
