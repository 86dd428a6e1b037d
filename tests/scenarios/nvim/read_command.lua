-- SPDX-License-Identifier: Apache-2.0
--
-- A plugin reads a command's output with io.popen in a timer's callback.
-- expects: blocked_syscall git_status|luv
-- says: read(
-- not: spinning
-- load: light

local function git_status()
	local pipe = io.popen('sleep 0.6; echo x')
	local text = pipe:read('*a')
	pipe:close()
	return text
end

vim.loop.new_timer():start(20, 20, function() end)
vim.loop.new_timer():start(400, 700, function()
	git_status()
end)
vim.loop.new_timer():start(2500, 0, vim.schedule_wrap(function()
	vim.cmd('qa!')
end))
