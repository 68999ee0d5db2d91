import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { Button } from '../button.tsx'
import type { Action } from './action.ts'
import { problemsOf, type FormProblems } from './problems.ts'

/** What every form has. */
export interface FormProps {
  readonly label: string
  readonly action: Action
  /** The JSON pointers of the fields, as the gateway names them. */
  readonly pointers: readonly string[]
  readonly send: () => void
  /** The words of the button that sends the form. */
  readonly submit: string
  /** The reader discards what the form has. */
  readonly leave: () => void
  readonly children: (at: FormProblems['at']) => ComponentChildren
}

/** A form that shows at each field what the gateway refused about it, and moves the focus to the first such field. */
export function Form({ label, action, pointers, send, submit, leave, children }: FormProps) {
  const { busy, said, refused } = action
  const form = useRef<HTMLFormElement>(null)
  const { at, rest } = problemsOf(refused, pointers)
  const focus = (selector: string) => form.current?.querySelector<HTMLElement>(selector)?.focus()
  // Before the reader sees the change: a focus that moves later takes what the reader types meanwhile.
  useLayoutEffect(() => focus('input, textarea'), [])
  useLayoutEffect(() => {
    if (refused !== undefined) focus('[aria-invalid="true"]')
  }, [refused])
  return (
    <form
      class="box"
      aria-label={label}
      ref={form}
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      <h2>{label}</h2>
      {children(at)}
      <p class="problem" role="alert">
        {refused === undefined ? said : rest || 'Correct the marked fields.'}
      </p>
      <p class="row">
        <button type="submit" class="primary" disabled={busy}>
          {submit}
        </button>
        <Button act={leave}>Discard</Button>
      </p>
    </form>
  )
}
