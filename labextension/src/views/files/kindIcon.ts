import {
  fileIcon,
  folderIcon,
  imageIcon,
  jsonIcon,
  LabIcon,
  linkIcon,
  spreadsheetIcon,
  textEditorIcon
} from '@jupyterlab/ui-components';

/** A grid of cells: an array. */
export const arrayIcon = new LabIcon({
  name: 'kachery:array',
  svgstr:
    '<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">' +
    '<path class="jp-icon-brand1 jp-icon-selectable" fill="#1976d2" d="M3 3h8v8H3zm10 0h8v8h-8zM3 13h8v8H3z"/>' +
    '<path class="jp-icon-brand1 jp-icon-selectable" fill="#1976d2" fill-opacity=".45" d="M13 13h8v8h-8z"/></svg>'
});

/** A pin, as on a notice board. */
export const pinIcon = new LabIcon({
  name: 'kachery:pin',
  svgstr:
    '<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">' +
    '<path class="jp-icon3 jp-icon-selectable" fill="#616161" d="M16 9V4h1V2H7v2h1v5a3 3 0 0 1-3 3v2h6v7l1 1 1-1v-7h6v-2a3 3 0 0 1-3-3z"/></svg>'
});

/** Bytes that only a program understands. */
const packedIcon = new LabIcon({
  name: 'kachery:packed',
  svgstr:
    '<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">' +
    '<path class="jp-icon3 jp-icon-selectable" fill="#616161" d="M4 4h16v5H4zm1 6h14v10H5zm4 2v2h6v-2z"/></svg>'
});

const BY_KIND: Record<string, LabIcon> = {
  text: textEditorIcon,
  json: jsonIcon,
  npy: arrayIcon,
  pkl: packedIcon,
  bytes: packedIcon,
  folder: folderIcon,
  link: linkIcon
};

const BY_ENDING: Record<string, LabIcon> = {
  npy: arrayIcon,
  json: jsonIcon,
  csv: spreadsheetIcon,
  tsv: spreadsheetIcon,
  png: imageIcon,
  jpg: imageIcon,
  jpeg: imageIcon,
  gif: imageIcon,
  webp: imageIcon,
  svg: imageIcon,
  txt: textEditorIcon,
  md: textEditorIcon
};

/** The icon for a kind; a file has that of its ending. */
export function kindIcon(kind: string, name: string): LabIcon {
  const ending = name.split('.').pop()?.toLowerCase() ?? '';
  return (
    (kind === 'file' || kind === 'link' ? BY_ENDING[ending] : undefined) ??
    BY_KIND[kind] ??
    fileIcon
  );
}
