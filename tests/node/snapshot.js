/* SPDX-License-Identifier: Apache-2.0
 *
 * A program that node starts from a snapshot of its heap.
 */
'use strict';

require('v8').startupSnapshot.setDeserializeMainFunction(() => {
	setTimeout(() => console.log('timer'), 1);
});
