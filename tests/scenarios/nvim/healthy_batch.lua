-- SPDX-License-Identifier: Apache-2.0
--
-- The editor as a batch tool: edits a buffer, writes it, reads it again, and ends.
-- expects: healthy

for round = 1, 20 do
	local lines = {}
	for i = 1, 200 do
		lines[i] = 'line ' .. i .. ' of ' .. round
	end
	vim.api.nvim_buf_set_lines(0, 0, -1, false, lines)
	vim.cmd('silent write! out.txt')
	vim.cmd('silent edit! out.txt')
	vim.cmd('silent %s/line/row/')
end
vim.cmd('qa!')
