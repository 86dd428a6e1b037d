-- SPDX-License-Identifier: Apache-2.0
--
-- A plugin asks a command with vim.fn.system(): the editor waits, but it goes on running its loop,
-- and libuv's callbacks are served meanwhile. No callback blocks it.
-- expects: healthy
-- never: spins
-- load: light

local function fetch_reply()
	return vim.fn.system('sleep 0.7; echo done')
end

vim.loop.new_timer():start(20, 20, function() end)
vim.loop.new_timer():start(500, 0, vim.schedule_wrap(fetch_reply))
vim.loop.new_timer():start(2000, 0, vim.schedule_wrap(function()
	vim.cmd('qa!')
end))
