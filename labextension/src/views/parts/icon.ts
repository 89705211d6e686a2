import { LabIcon } from '@jupyterlab/ui-components';

/** Three shelves: what this node keeps. */
export const kacheryIcon = new LabIcon({
  name: 'kachery:logo',
  svgstr:
    '<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">' +
    '<g class="jp-icon3 jp-icon-selectable" fill="#616161">' +
    '<path d="M3 4h18v4H3zm0 6h18v4H3zm0 6h18v4H3z"/></g></svg>'
});
