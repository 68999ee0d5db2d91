import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { keyWanted } from '../../api/key.ts'

/**
 * A modal dialog. A modal dialog blocks the rest of the page, so it makes room while the page asks for another key and
 * opens again after that, with everything that the reader has entered.
 */
export function Dialog({
  title,
  closed,
  children,
}: {
  title: string
  closed: () => void
  /** Draws the content; `close` closes the dialog. */
  children: (close: () => void) => ComponentChildren
}) {
  const dialog = useRef<HTMLDialogElement>(null)
  const waits = keyWanted.value
  useEffect(() => {
    if (waits) dialog.current?.close()
    else dialog.current?.showModal()
  }, [waits])
  return (
    <dialog
      ref={dialog}
      aria-labelledby="dialog-title"
      onClose={() => {
        if (!keyWanted.peek()) closed()
      }}
    >
      <h2 id="dialog-title">{title}</h2>
      {children(() => dialog.current?.close())}
    </dialog>
  )
}
