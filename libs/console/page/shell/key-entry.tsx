import { useEffect, useState } from 'preact/hooks'
import { ApiError } from '../api/http.ts'
import { askOtherTabs, useKey } from '../api/key.ts'
import { readMe } from '../api/me.ts'

/** Returns why the gateway refuses a key; undefined if it takes it. */
async function refusalOf(key: string): Promise<string | undefined> {
  try {
    await readMe({ key })
    return undefined
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    return error.status === 401 ? 'The gateway does not know this key.' : error.message
  }
}

/** Asks for the API key and checks it. The key stays in this tab. */
export function KeyEntry() {
  const [text, setText] = useState('')
  const [problem, setProblem] = useState('')
  const [checking, setChecking] = useState(false)

  useEffect(() => {
    void askOtherTabs().then((key) => {
      if (key !== undefined) useKey(key)
    })
  }, [])

  const check = async () => {
    const key = text.trim()
    if (key === '') return setProblem('Enter a key.')
    setChecking(true)
    const refused = await refusalOf(key)
    setChecking(false)
    if (refused === undefined) useKey(key)
    else setProblem(refused)
  }

  return (
    <section class="key-entry">
      <h1 tabIndex={-1}>This fleet needs an API key</h1>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void check()
        }}
      >
        <label for="key">API key</label>
        <input
          id="key"
          type="password"
          autocomplete="current-password"
          spellcheck={false}
          value={text}
          aria-describedby="key-note key-problem"
          aria-invalid={problem !== ''}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
        />
        <p id="key-note" class="muted">
          The key stays in this tab and is sent only to this gateway. The operator sets keys in
          API_KEYS.
        </p>
        <p id="key-problem" class="problem" role="alert">
          {problem}
        </p>
        <button type="submit" class="primary" disabled={checking}>
          Use the key
        </button>
      </form>
    </section>
  )
}
