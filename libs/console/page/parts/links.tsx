import { linkTo } from '../shell/router.ts'

/** Characters of a task's id that tell it from its neighbours: the end is random. */
const ID_END_CHARS = 8

/** A link to a task. */
export function TaskLink({ id, whole = false }: { id: string; whole?: boolean }) {
  return (
    <a class="id" href={linkTo('tasks', id)} title={id}>
      {whole ? id : `…${id.slice(-ID_END_CHARS)}`}
    </a>
  )
}

/** A link to a node. */
export function NodeLink({ id }: { id: string | undefined }) {
  if (id === undefined) return <span>—</span>
  return (
    <a class="id" href={linkTo('fleet', id)}>
      {id}
    </a>
  )
}
