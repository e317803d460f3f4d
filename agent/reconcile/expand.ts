// expand.ts - $(VAR) references in env values, commands and arguments, as upstream expands them; pure

/** "$(NAME)" becomes the variable, "$$" one "$"; what is not known or not closed stays as it is written. */
export function expand(text: string, lookup: (name: string) => string | undefined): string {
  return text.replaceAll(/\$(\$|\(([^)]*)\))/g, (whole: string, what: string, name: string | undefined) => {
    if (what === '$') return '$'
    return (name === undefined ? undefined : lookup(name)) ?? whole
  })
}
