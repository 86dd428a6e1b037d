-- SPDX-License-Identifier: Apache-2.0
--
-- A plugin looks at a file from time to time, and starts a program whose output comes by a pipe.
-- expects: healthy
-- load: light

local loop = vim.loop

loop.new_timer():start(50, 50, function()
	loop.fs_stat('/etc/hostname', function() end)
end)
local pipe = loop.new_pipe(false)
local child
child = loop.spawn('sh', { args = { '-c', 'sleep 0.2; echo x' }, stdio = { nil, pipe, nil } },
	function()
		child:close()
	end)
pipe:read_start(function(_, text)
	if not text then
		pipe:close()
	end
end)
loop.new_timer():start(1800, 0, vim.schedule_wrap(function()
	vim.cmd('qa!')
end))
