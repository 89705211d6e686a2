import type { TranslationBundle } from '@jupyterlab/translation';
import { visible } from '../../models/visible';
import type { IFile } from '../../node/fileTypes';
import { ago, bytes, moment, short } from '../parts/format';

/** Every kind, in people's words, in the order of the filter. */
export function kinds(trans: TranslationBundle): [string, string][] {
  return [
    ['npy', trans.__('Arrays')],
    ['json', trans.__('JSON')],
    ['text', trans.__('Text')],
    ['file', trans.__('Files')],
    ['folder', trans.__('Folders')],
    ['link', trans.__('Links')],
    ['pkl', trans.__('Pickles')],
    ['bytes', trans.__('Bytes')]
  ];
}

/** A size in a narrow column: `0 B`, `1.2 kB`. */
export function sizeText({ kind, size }: Pick<IFile, 'kind' | 'size'>): string {
  if (kind === 'folder') {
    return '';
  }
  return size < 1000 ? `${size} B` : bytes(size);
}

/** `npy · 3.2 MB`; of a folder only the list of what is in it has a size: that would mislead. */
export function kindAndSize(kind: string, size: number | null): string {
  const isTold = size !== null && kind !== 'folder';
  return [kind, isTold ? bytes(size) : ''].filter(Boolean).join(' · ');
}

/** What a content is called where it has no name. */
export function shownName(file: { name: string; sha1?: string; uri?: string }): string {
  return visible(file.name) || short(file.sha1 ?? file.uri ?? '');
}

/** The notebook, program or file it came from, without its folders; '' if nobody noted it. */
export function originName({ origin, fetched }: IFile, trans: TranslationBundle): string {
  const from = origin?.notebook ?? origin?.file ?? origin?.program;
  if (typeof from === 'string' && from) {
    return visible(from.split('/').pop() ?? from);
  }
  return fetched ? trans.__('another node') : '';
}

/** All that is known, one fact a line: the tip of a row. */
export function tipOf(file: IFile, trans: TranslationBundle): string {
  const from = file.origin?.notebook ?? file.origin?.file ?? file.origin?.program;
  return [
    shownName(file),
    kindAndSize(file.kind, file.size),
    trans.__('Stored %1', moment(file.stored_at)),
    from ? trans.__('From %1', visible(String(from))) : '',
    file.fetched ? trans.__('Came from another node') : '',
    file.pinned ? trans.__('Pinned: never let go to make room') : '',
    file.uri
  ]
    .filter(Boolean)
    .join('\n');
}

/** `npy · 3.2 MB · 5 min · analysis.ipynb` */
export function factsOf(file: IFile, trans: TranslationBundle): string {
  const when = ago(file.stored_at, trans);
  const facts = [kindAndSize(file.kind, file.size), when, originName(file, trans)];
  return facts.filter(Boolean).join(' · ');
}
