import { linkTo } from '../shell/router.ts'

/** Characters of a task's id that tell it from its neighbours: the end is random. */
const ID_END_CHARS = 8
/** Characters of a node's name that have room in a narrow column. */
const NODE_CHARS_MAX = 9

/** A link to a task, or to the view of a goal. */
export function TaskLink({ id, view = 'tasks' }: { id: string; view?: 'tasks' | 'goals' }) {
  return (
    <a class="id" href={linkTo(view, id)} title={id}>
      {`…${id.slice(-ID_END_CHARS)}`}
    </a>
  )
}

/** A link to a node; in a narrow column the end of its name, which tells it from other nodes. */
export function NodeLink({ id, short = false }: { id: string | undefined; short?: boolean }) {
  if (id === undefined) return <span>—</span>
  const isCut = short && id.length > NODE_CHARS_MAX
  return (
    <a class="id" href={linkTo('fleet', id)} title={id}>
      {isCut ? `…${id.slice(1 - NODE_CHARS_MAX)}` : id}
    </a>
  )
}
