import { useState } from 'preact/hooks'
import type { WaitingView } from '@agentfleet/protocol'
import { Button } from '../parts/button.tsx'
import { request } from '../api/http.ts'
import { useAction } from '../parts/forms/action.ts'
import { Allowed } from '../parts/forms/allowed.tsx'
import { Text } from '../parts/text.tsx'
import { focusHeading } from '../parts/heading.ts'
import { recall, remember } from '../shell/remembered.ts'

/** The longest note that the API takes, characters. */
const NOTE_CHARS_MAX = 1_000

/** The name under which the reader's own is remembered. */
const PERSON = 'agentfleet.person'

/** Shows the call that waits for a person, and lets the person approve or refuse the call. */
export function ApprovalForm({
  taskId,
  wait,
  decided,
}: {
  taskId: string
  wait: WaitingView
  decided: (approved: boolean) => void
}) {
  const [note, setNote] = useState('')
  const [person, setPerson] = useState(recall(PERSON) ?? '')
  const { said, busy, act } = useAction()
  const { step, tool = '' } = wait
  if (step === undefined) return null
  const decide = (approved: boolean) =>
    act(async () => {
      remember(PERSON, person.trim())
      const body = { approved, note: note.trim() || undefined, person: person.trim() || undefined }
      await request(`/v1/tasks/${taskId}/approvals/${step}`, { method: 'POST', body })
      focusHeading()
      decided(approved)
    })
  const noteId = `note-${taskId}`
  return (
    <div class="box approval">
      <p>
        The agent wants to call <strong>{tool}</strong> with:
      </p>
      <Text value={wait.arguments ?? null} label={`Arguments of ${tool}`} />
      <Allowed scope="tasks:approve" to="approve or refuse this call">
        <label for={noteId}>Note to the agent (optional)</label>
        <textarea
          id={noteId}
          rows={2}
          maxLength={NOTE_CHARS_MAX}
          value={note}
          onInput={({ currentTarget }) => setNote(currentTarget.value)}
        />
        <label class="block">
          Your name (optional; it is stored with the decision)
          <input
            value={person}
            maxLength={128}
            onInput={({ currentTarget }) => setPerson(currentTarget.value)}
          />
        </label>
        <p class="row">
          <Button class="primary" disabled={busy} act={() => decide(true)}>
            Approve {tool}
          </Button>
          <Button disabled={busy} act={() => decide(false)}>
            Refuse {tool}
          </Button>
          <span role="status">{said}</span>
        </p>
      </Allowed>
    </div>
  )
}
