import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'

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
      <button type="button" aria-haspopup="dialog" onClick={() => setAsking(true)}>
        {label} …
      </button>
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
        <button type="button" class="primary" disabled={busy} onClick={() => void confirm()}>
          {label}
        </button>
        <button type="button" onClick={() => dialog.current?.close()}>
          Do nothing
        </button>
      </p>
    </dialog>
  )
}
